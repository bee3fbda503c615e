/** The platform's database as a role, inside the network of docker-compose.yml. */
export function addressOf(role: string, password: string): string {
  return `postgres://${role}:${encodeURIComponent(password)}@postgres:5432/platform`
}
