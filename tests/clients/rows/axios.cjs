// client: Node: axios
// version: npm axios
// http: 1.1
// proxy: https_proxy
// ca: NODE_EXTRA_CA_CERTS
const axios = require("axios");

const [url, key] = process.argv.slice(2);

(async () => {
  const answer = await axios.get(`${url}/echo`, { headers: { "x-api-key": key }, validateStatus: () => true });
  console.log(answer.status);
})();
