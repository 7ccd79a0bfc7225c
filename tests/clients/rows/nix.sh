# client: Nix
# version: run nix-prefetch-url --version
# needs: nix-prefetch-url
# http: 2
# proxy: https_proxy
# ca: NIX_SSL_CERT_FILE
# note: the token in `netrc-file`
export NIX_STORE_DIR=~/store NIX_STATE_DIR=~/state NIX_LOG_DIR=~/log NIX_CONF_DIR=~/conf
echo "machine ${1#https://} login me password $2" >netrc
nix-prefetch-url --option build-users-group "" --option netrc-file ~/netrc "$1/echo" >log 2>&1 && echo 200 && exit
cat log >&2
sed -n 's/.*HTTP error \([0-9]*\).*/\1/p' log
