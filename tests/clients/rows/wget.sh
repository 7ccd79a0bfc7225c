# client: wget (GnuTLS)
# version: run wget --version
# http: 1.1
# proxy: https_proxy
# ca: `~/.wgetrc`
# hint: yes
# line: echo ca_certificate = $CA >> ~/.wgetrc
# note: Debian's wget reads no variable for the CA; the line is not needed if the system trusts the CA
echo ca_certificate = $CA >> ~/.wgetrc
wget --output-document=body --server-response --header="x-api-key: $2" "$1/echo" 2>log || true
sed -n 's|^  HTTP/1.1 \([0-9]*\).*|\1|p' log | tail -1
