import { expect, test } from 'vitest'
import { messageOf, UserError } from './user-error.ts'

test('a message is one line, whatever was thrown', () => {
  expect(messageOf(new Error('one\n  two\tthree '))).toBe('one two three')
  expect(messageOf('text')).toBe('text')
  expect(messageOf(undefined)).toBe('undefined')
  expect(messageOf(new TypeError(''))).toBe('TypeError')
})

test('of several errors behind one, the first tells what is wrong', () => {
  expect(messageOf(new AggregateError([new Error('connect ECONNREFUSED 127.0.0.1:1'), new Error('other')]))).toBe(
    'connect ECONNREFUSED 127.0.0.1:1',
  )
})

test('a user error is bad configuration unless it says otherwise, and keeps its cause', () => {
  const cause = new Error('cause')
  expect(new UserError('bad').exitCode).toBe(2)
  expect(new UserError('broken', { exitCode: 1, cause })).toMatchObject({ exitCode: 1, cause })
})
