// Where the page keeps a tenant's token: in this tab only, and never in an address that could be shared or logged.

const key = (endpoint) => `freehold:token:${endpoint}`

/** The token of a `#token=…` address, which is cleaned at once; or else the one this tab used before. */
export function initialToken(endpoint) {
  const given = new URLSearchParams(location.hash.slice(1)).get('token')
  if (given) {
    history.replaceState(null, '', location.pathname)
    remember(endpoint, given)
    return given
  }
  return sessionStorage.getItem(key(endpoint)) ?? ''
}

export function remember(endpoint, token) {
  if (token) sessionStorage.setItem(key(endpoint), token)
  else sessionStorage.removeItem(key(endpoint))
}
