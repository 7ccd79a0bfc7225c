// client: Node: ws
// version: npm ws
// http: 1.1
// proxy: https_proxy
// ca: NODE_EXTRA_CA_CERTS
// line: new WebSocket(url, { agent: new HttpsProxyAgent(process.env.https_proxy), headers })
// note: the token in the upgrade request; the agent is npm's `https-proxy-agent`
const { HttpsProxyAgent } = require("https-proxy-agent");
const WebSocket = require("ws");

const [origin, key] = process.argv.slice(2);
const url = `${origin.replace("https", "wss")}/echo`;
const headers = { authorization: `Bearer ${key}` };
const socket = new WebSocket(url, { agent: new HttpsProxyAgent(process.env.https_proxy), headers });

socket.on("open", () => socket.send("hello"));
socket.on("message", (message) => {
  if (String(message) !== "hello") throw new Error(message);
  socket.close(1000);
});
socket.on("close", (code) => console.log(code === 1000 ? 200 : code));
socket.on("unexpected-response", (_, answer) => {
  console.log(answer.statusCode);
  process.exit(0);
});
