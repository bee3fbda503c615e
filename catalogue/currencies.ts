/**
 * Minor units by ISO 4217 (list one, 2025), for the codes that do not have the usual two decimals.
 * Not from Intl: its data follow CLDR, which gives some currencies the decimals of daily use instead.
 */
export const currencyDecimals: Readonly<Record<string, number>> = {
  BHD: 3,
  BIF: 0,
  CLF: 4,
  CLP: 0,
  DJF: 0,
  GNF: 0,
  IQD: 3,
  ISK: 0,
  JOD: 3,
  JPY: 0,
  KMF: 0,
  KRW: 0,
  KWD: 3,
  LYD: 3,
  OMR: 3,
  PYG: 0,
  RWF: 0,
  TND: 3,
  UGX: 0,
  UYI: 0,
  UYW: 4,
  VND: 0,
  VUV: 0,
  XAF: 0,
  XOF: 0,
  XPF: 0,
}

/** Decimals of every currency that is not in the list. */
export const usualCurrencyDecimals = 2
