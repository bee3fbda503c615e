/** A bucket of whole numbers: those above the bucket before it, up to and including `upTo`; the last one has no bound. */
export interface NumberBucket {
  name: string
  upTo?: number
}

/** Users by the number of their live characters. */
export const characterBuckets = [
  { name: '0', upTo: 0 },
  { name: '1', upTo: 1 },
  { name: '2-5', upTo: 5 },
  { name: '6-20', upTo: 20 },
  { name: '21+' },
] as const satisfies readonly NumberBucket[]

/** Users by the credits that they have left; debt is below 0. */
export const balanceBuckets = [
  { name: 'debt', upTo: -1 },
  { name: '0', upTo: 0 },
  { name: '1-10', upTo: 10 },
  { name: '11-50', upTo: 50 },
  { name: '51-100', upTo: 100 },
  { name: '101-500', upTo: 500 },
  { name: '501-1000', upTo: 1_000 },
  { name: '1001-5000', upTo: 5_000 },
  { name: '5001+' },
] as const satisfies readonly NumberBucket[]
