# One image for the exporter, the audit API, migrations and the demo's platform; the command says which.
FROM node:24.13.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The image brings Node 24 itself, and nothing here is compiled: no scripts, no optional packages, none for development.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24.13.0-bookworm-slim
# The memory that a service holds: lib/node-runtime.js says why.
ENV NODE_ENV=production NODE_OPTIONS=--max-semi-space-size=2 MALLOC_ARENA_MAX=2
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY bin ./bin
COPY catalogue ./catalogue
COPY lib ./lib
COPY exporter ./exporter
COPY audit-api ./audit-api
# `check` reads the rules as Prometheus does.
COPY alerts/generated ./alerts/generated
COPY cli ./cli
COPY database ./database
# What docker-compose.yml runs. The rest of demo/ starts programs on the machine of a checkout.
COPY demo/run-command.ts ./demo/
COPY demo/compose ./demo/compose
COPY demo/fakes ./demo/fakes
COPY demo/platform ./demo/platform
COPY demo/simulator ./demo/simulator
USER node
# The exporter's port or the audit API's, whichever the command is; what ends by itself has ended before.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "Promise.any([9464, 9465].map(async (port) => (await fetch(`http://127.0.0.1:${port}/livez`)).ok || Promise.reject())).catch(() => process.exit(1))"]
ENTRYPOINT ["node", "cli/main.ts"]
CMD ["exporter"]
