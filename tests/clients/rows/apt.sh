# client: apt
# version: run apt-get --version
# needs: /usr/lib/apt/apt-helper
# http: 1.1
# proxy: https_proxy
# ca: `Acquire::https::CaInfo`
# line: echo "Acquire::https::CaInfo \"$CA\";"
# note: in a file of `/etc/apt/apt.conf.d`, if the system does not trust the CA; the token in `auth.conf`
echo "Acquire::https::CaInfo \"$CA\";" >conf
echo "Dir::Etc::netrc \"$HOME/auth.conf\"; Acquire::Retries 0; APT::Sandbox::User \"\";" >>conf
echo "machine ${1#https://} login me password $2" >auth.conf
export APT_CONFIG=~/conf
/usr/lib/apt/apt-helper download-file "$1/echo" out >log 2>&1 && echo 200 && exit
cat log >&2
echo
sed -n 's/.* \(403\) .*/\1/p' log | tail -1
