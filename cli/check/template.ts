/**
 * The comment on a view that `barometer init` has drafted without a table: whoever fills it in, or leaves it empty on
 * purpose, deletes it.
 */
export const templateMark = 'TODO: drafted by barometer init, nothing behind it yet'
