# One image for the exporter, the audit API, migrations and the demo's platform; the command says which.
FROM node:24.13.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The image brings Node 24 itself, and nothing here is compiled: no scripts, no optional packages.
RUN npm ci --omit=optional --ignore-scripts

FROM node:24.13.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY bin ./bin
COPY catalogue ./catalogue
COPY lib ./lib
COPY exporter ./exporter
COPY audit-api ./audit-api
COPY alerts ./alerts
COPY cli ./cli
COPY database ./database
COPY demo ./demo
USER node
ENTRYPOINT ["node", "cli/main.ts"]
CMD ["exporter"]
