import helmet from '@fastify/helmet'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { HttpServer } from '../../lib/http-server.ts'

const document = {
  openapi: '3.1.0' as const,
  info: {
    title: 'Barometer audit API',
    version: '1',
    description: 'An append-only log of what admins did. Errors are application/problem+json and name the field.',
  },
  components: { securitySchemes: { token: { type: 'http' as const, scheme: 'bearer' } } },
  security: [{ token: [] }],
}

/** Describes the routes that are registered from here on, and serves `/docs` with headers that let a browser show it. */
export async function documentRoutes(server: HttpServer, { overTls }: { overTls: boolean }): Promise<void> {
  await server.register(helmet, {
    // Over plain HTTP this directive would have the browser ask /docs for its scripts by a TLS that is not there.
    contentSecurityPolicy: {
      directives: { upgradeInsecureRequests: overTls ? [] : null },
    },
  })
  await server.register(swagger, { openapi: document })
  await server.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    transformStaticCSP: (policy) => (overTls ? policy : policy.replace(/upgrade-insecure-requests;?/, '')),
  })
}
