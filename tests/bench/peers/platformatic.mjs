// The bench's tables behind Platformatic DB with its defaults: one process, REST only.
// node platformatic.mjs CONNECTION-STRING PORT
import { createRequire } from 'node:module'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [url, port] = process.argv.slice(2)
const require = createRequire(join(process.cwd(), 'noop.js'))
const { buildServer } = await import(pathToFileURL(require.resolve('@platformatic/db')).href)
const config = {
  $schema: 'https://schemas.platformatic.dev/@platformatic/db/2.0.0.json',
  db: { connectionString: url, graphql: false, openapi: true },
  server: { hostname: '127.0.0.1', port: Number(port), logger: { level: 'error' } },
  watch: false
}
const file = join(process.cwd(), `platformatic-${port}.json`)
writeFileSync(file, JSON.stringify(config))
const app = await buildServer(file)
await app.start()
