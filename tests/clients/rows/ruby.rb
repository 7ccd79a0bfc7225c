# client: Ruby: Net::HTTP
# version: run ruby --version
# http: 1.1
# proxy: http_proxy
# ca: SSL_CERT_FILE
require "net/http"

url, key, _ = ARGV
uri = URI("#{url}/echo")
answer = Net::HTTP.start(uri.host, uri.port, use_ssl: true) { |http| http.get(uri.path, "x-api-key" => key) }
puts answer.code
