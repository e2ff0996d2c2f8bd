# The app as a small image that runs as an ordinary user:
#   docker build -t flag-promotions . && docker run --env-file .env -p 3000:3000 -v flag-promotions:/data flag-promotions
# Debian, not Alpine: the PostgreSQL that the app brings along for DATABASE_URL=embedded needs glibc.
# Node 24.18.0. For a newer one: docker buildx imagetools inspect node:24-bookworm-slim, and set its digest in both lines.
FROM node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY migrations migrations
COPY scripts scripts
# What it was built from stays known inside the image.
RUN npm run build && npm run --silent sbom && npm prune --omit=dev

FROM node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d
# glibc would keep what a start takes and gives back, once per thread.
ENV NODE_ENV=production DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/sbom.cdx.json ./
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 3000
# Liveness alone: whether Slack and the database answer is /readyz's to say, and no reason for a restart.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT||3000}/healthz`).then((r)=>process.exit(r.ok?0:1),()=>process.exit(1))"]
# A small heap for new objects, and leave to collect the garbage of the start: 25 MB less.
CMD ["node", "--max-semi-space-size=4", "dist/src/cli.js", "start"]
