// GraphiQL for the tenant whose address this is, with a field for the token above it.
import { useCallback, useMemo, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { GraphiQL } from 'graphiql'
import 'graphiql/style.css'
import './page.css'
import { initialToken, remember } from './token.js'

const endpoint = location.pathname.replace(/\/+$/, '')
const tenant = decodeURIComponent(endpoint.split('/')[2] ?? '')

const WELCOME = `# The content API of ${tenant}.
#
# Ctrl-Space completes, Ctrl-Enter runs, the book on the left explains every type.

query Welcome {
  __typename
}
`

/** Tabs and history of one tenant must not show up at another one on the same host. */
const storage = {
  getItem: (name) => localStorage.getItem(`freehold:${endpoint}:${name}`),
  setItem: (name, value) => localStorage.setItem(`freehold:${endpoint}:${name}`, value),
  removeItem: (name) => localStorage.removeItem(`freehold:${endpoint}:${name}`),
  clear: () => {},
  get length() {
    return localStorage.length
  },
}

function Page() {
  const [token, setToken] = useState(() => initialToken(endpoint))
  const [status, setStatus] = useState({ text: '', refused: false })

  const change = useCallback((event) => {
    const given = event.target.value.trim().replace(/^Bearer\s+/i, '')
    remember(endpoint, given)
    setToken(given)
  }, [])

  // A new fetcher makes GraphiQL read the schema again: another token may see another API.
  const fetcher = useMemo(
    () => async (params, options) => {
      const headers = { accept: 'application/graphql-response+json, application/json;q=0.9', 'content-type': 'application/json' }
      if (token) headers.authorization = `Bearer ${token}`
      const response = await fetch(endpoint, {
        method: 'POST',
        headers: { ...headers, ...options?.headers },
        body: JSON.stringify(params),
        credentials: 'omit',
      })
      const refused = response.status === 401 || response.status === 403 || response.status === 404
      const answer = await response.json()
      setStatus({ text: refused ? (answer.errors?.[0]?.message ?? `HTTP ${response.status}`) : 'connected', refused })
      return answer
    },
    [token],
  )

  return (
    <>
      <header className="freehold-bar">
        <strong>{tenant}</strong>
        <label>
          Token
          <input
            type="password"
            name="token"
            autoComplete="off"
            spellCheck={false}
            placeholder="paste the output of: freehold token create"
            value={token}
            onChange={change}
          />
        </label>
        <span role="status" className={status.refused ? 'refused' : ''}>
          {token ? status.text : 'no token yet'}
        </span>
      </header>
      <div className="freehold-editor">
        <GraphiQL key={token} fetcher={fetcher} storage={storage} defaultQuery={WELCOME} shouldPersistHeaders={false} />
      </div>
    </>
  )
}

createRoot(document.getElementById('page')).render(<Page />)
