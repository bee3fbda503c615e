import { expect, test } from 'vitest'
import { runBeside } from './beside.ts'
import type { Context } from './context.ts'

test('a script of the demo that the image does not contain is named', async () => {
  await expect(runBeside('no-such-script.ts', [], {} as Context)).rejects.toThrow(
    'demo/no-such-script.ts is not in this image; expected a checkout after `npm ci`',
  )
})
