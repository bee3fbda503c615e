/** What stands where something was taken out. Nothing matches it again. */
export const masks = {
  secret: '[masked secret]',
  token: '[masked token]',
  email: '[masked e-mail]',
  card: '[masked card]',
} as const
