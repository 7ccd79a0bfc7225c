// client: Node 24: fetch
// version: npm node24
// with: node24
// http: 1.1
// proxy: https_proxy NODE_USE_ENV_PROXY
// ca: NODE_EXTRA_CA_CERTS
const [url, key] = process.argv.slice(2);

(async () => {
  const answer = await fetch(`${url}/echo`, { headers: { "x-api-key": key } });
  console.log(answer.status);
})();
