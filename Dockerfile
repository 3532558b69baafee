# The proxy alone: no embedded servers, no tools of development.
FROM node:24-slim
WORKDIR /opt/pointsman
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional
COPY src src
RUN mkdir -p /var/lib/pointsman && chown node:node /var/lib/pointsman
USER node
EXPOSE 6432 9632
# Not through the launcher: this process itself must receive the signals of the container.
ENTRYPOINT ["node", "--max-semi-space-size=4", "--expose-gc", "src/main.ts"]
CMD ["run", "-c", "/etc/pointsman/pointsman.yaml"]
