FROM node:24-bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ make python3 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
# Without this, yencode is compiled for the CPU that builds the image and may crash on another.
ENV GYP_DEFINES=enable_native_tuning=0
COPY package.json package-lock.json ./
# yencode is optional elsewhere; an image without it would be slow, so it must load here.
RUN npm ci && node -e 'require("yencode"); require("better-sqlite3")'
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim
ENV NODE_ENV=production NEWSREEL_DATA_DIR=/config
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY migrations ./migrations
COPY demo ./demo
RUN mkdir /config && chown node:node /config
USER node
# newsreel.yaml is looked for in the working directory, so it lies in the same volume as the data.
WORKDIR /config
VOLUME /config
EXPOSE 8119
HEALTHCHECK --interval=30s --timeout=15s --start-period=20s CMD ["node", "/app/dist/main.js", "health"]
ENTRYPOINT ["node", "--enable-source-maps", "/app/dist/main.js"]
CMD ["serve"]
