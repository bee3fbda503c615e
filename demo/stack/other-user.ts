import { spawnSync } from 'node:child_process'
import { chownSync, readFileSync } from 'node:fs'
import { UserError } from '../../lib/user-error.ts'

/**
 * The words before a command that let it run as an ordinary user: none for one who is. Root tries in turn, without making
 * a user: `nobody`; nobody who may pass closed folders, as those of a checkout in root's home are; nobody by name in a
 * user namespace, where root cannot become another.
 */
export function otherUser(name: string, directory: string, program: string): readonly string[] {
  if (process.getuid?.() !== 0) return []
  const nobody = nobodyIds()
  // A change of the user forgets the signal at the parent's death, so it is asked for after it.
  const bound = ['--pdeathsig', 'KILL', '--']
  const become = ['setpriv', '--reuid', String(nobody.uid), '--regid', String(nobody.gid), '--clear-groups']
  // Without the secure bit, access(2) answers as if the right were not there.
  const pass = ['--securebits', '+no_setuid_fixup', '--inh-caps', '+dac_override', '--ambient-caps', '+dac_override']
  const inside = ['unshare', '--user', `--map-user=${nobody.uid}`, `--map-group=${nobody.gid}`, 'setpriv']
  const ways = [
    { owner: nobody, words: [...become, ...bound] },
    { owner: nobody, words: [...become, ...pass, ...bound] },
    { owner: { uid: 0, gid: 0 }, words: [...inside, ...bound] },
  ]
  const found = ways.find(({ owner, words }) => {
    try {
      chownSync(directory, owner.uid, owner.gid)
    } catch {
      return false
    }
    const test = 'test "$(id -u)" != 0 && test -x "$0" && test -w "$1"'
    return spawnSync(words[0] ?? '', [...words.slice(1), 'sh', '-c', test, program, directory]).status === 0
  })
  if (found === undefined) {
    throw new UserError(
      `${name} refuses to run as root, and root can become no other user here; expected another user`,
      { exitCode: 1 },
    )
  }
  return found.words
}

function nobodyIds(): { uid: number; gid: number } {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  const [, , uid, gid] = lines.find((line) => line.startsWith('nobody:'))?.split(':') ?? []
  return { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) }
}
