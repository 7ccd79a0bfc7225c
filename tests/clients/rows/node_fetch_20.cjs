// client: Node 20: fetch
// version: npm node20
// http: none
// proxy: nothing
// ca: NODE_EXTRA_CA_CERTS
// note: reads no proxy variable before version 24: use undici below
const [url, key] = process.argv.slice(2);

(async () => {
  const answer = await fetch(`${url}/echo`, { headers: { "x-api-key": key } });
  console.log(answer.status);
})();
