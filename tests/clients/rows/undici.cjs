// client: Node 20: fetch by undici
// version: npm undici
// http: 1.1
// proxy: https_proxy
// ca: NODE_EXTRA_CA_CERTS
// line: setGlobalDispatcher(new EnvHttpProxyAgent())
const { EnvHttpProxyAgent, fetch, setGlobalDispatcher } = require("undici");

const [url, key] = process.argv.slice(2);
setGlobalDispatcher(new EnvHttpProxyAgent());

(async () => {
  const answer = await fetch(`${url}/echo`, { headers: { "x-api-key": key } });
  console.log(answer.status);
})();
