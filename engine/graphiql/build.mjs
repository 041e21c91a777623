// Builds dist/: index.html, graphiql.js, graphiql.css. Everything the page needs is in these three files.
import { build } from 'esbuild'
import { copyFile, mkdir, rm } from 'node:fs/promises'

await rm('dist', { recursive: true, force: true })
await mkdir('dist')
await build({
  entryPoints: { graphiql: 'src/page.jsx' },
  outdir: 'dist',
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  jsx: 'automatic',
  legalComments: 'none',
  define: { 'process.env.NODE_ENV': '"production"' },
  // Fonts become part of the style sheet: the page may load nothing else.
  loader: { '.woff2': 'dataurl', '.woff': 'dataurl', '.ttf': 'dataurl', '.svg': 'dataurl' },
  logLevel: 'info',
})
await copyFile('src/index.html', 'dist/index.html')
