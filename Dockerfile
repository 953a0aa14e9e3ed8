# syntax=docker/dockerfile:1
# Two stages: the first builds what the package carries, the second runs it as a user of its own.
FROM node:24-trixie-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
# The image brings the Node that the project asks for; the pinned one is for checkouts.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-trixie-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 ENTREPOT_DATA=/data
WORKDIR /app
COPY --from=build /src/package.json /src/LICENSE /src/schema.json ./
COPY --from=build /src/bin ./bin
COPY --from=build /src/dist ./dist
COPY --from=build /src/operations ./operations
COPY --from=build /src/routes ./routes
COPY --from=build /src/seed_data ./seed_data
COPY --from=build /src/templates ./templates
COPY --from=build /src/node_modules ./node_modules
RUN mkdir /data && chown node:node /data
USER node
# Node keeps what it compiles here: the first start finds it.
RUN bin/entrepot check > /dev/null
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["bin/entrepot"]
CMD ["serve"]
