# docker build -t tabularium . && docker run -p 5000:5000 -v tabularium:/data tabularium

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
# MLflow's web UI, by pip, so that a container needs no network.
RUN apt-get update && apt-get install -y --no-install-recommends python3-pip
RUN node bin/tabularium.js ui install
# What npm would publish is what goes into the image. The server runs on the Node of the image, not on the one that npm
# brings to machines with an older one.
RUN npm pack && tar -xzf tabularium-*.tgz && npm prune --omit=dev && rm -r node_modules/node-linux-*

FROM node:24-slim
LABEL org.opencontainers.image.title="Tabularium" \
      org.opencontainers.image.description="A model registry that MLflow clients speak to unchanged" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/package /app
COPY --from=build /app/.ui /app/.ui

# The user `node` of the base image: Postgres wants one with a name, and Kubernetes a number, to see that it is not root.
RUN install -d -o 1000 -g 1000 /data
USER 1000:1000
# Our own Postgres and its artifacts lie in /data/tabularium; with a Postgres elsewhere, artifacts in /data/mlartifacts.
WORKDIR /data
VOLUME /data
ENV XDG_DATA_HOME=/data MLFLOW_HOST=0.0.0.0
EXPOSE 5000
# It knows another port, or a prefix, where that is said by its variable and not by a flag.
HEALTHCHECK --interval=10s --start-period=60s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.MLFLOW_PORT || 5000}${process.env.MLFLOW_STATIC_PREFIX || ''}/health`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

# Without the launcher of the package, which would be a second Node: the server takes the signals itself.
ENTRYPOINT ["node", "--max-semi-space-size=8", "--expose-gc", "/app/dist/main.js"]
CMD ["server"]
