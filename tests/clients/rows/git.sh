# client: git: clone, fetch, push
# version: run git --version
# server: git
# http: 1.1 2
# proxy: https_proxy
# ca: GIT_SSL_CAINFO
# note: the token in the URL, from a credential helper, or in `http.extraHeader`
export GIT_TERMINAL_PROMPT=0
[ "$3" = 2 ] && git config --global http.version HTTP/2 || git config --global http.version HTTP/1.1
as() { git -c user.name=me -c user.email=me@example.test "$@"; }
host=${1#https://}

# In the URL, as GitHub has it.
if ! git clone --quiet "https://x-access-token:$2@$host/repo.git" here 2>log; then
  cat log >&2
  sed -n 's/.*The requested URL returned error: \([0-9]*\).*/\1/p' log
  exit 0
fi
cd here

# From a helper; more than git sends in one piece.
git remote set-url origin "https://$host/repo.git"
git config credential.helper "!f() { echo username=me; echo 'password=$2'; }; f"
head -c 3000000 /dev/urandom >large
git add large
as commit --quiet --message="a large file"
git push --quiet origin main

# In a header of its own.
git config --unset credential.helper
git config http.extraHeader "Authorization: Bearer $2"
git fetch --quiet origin
[ "$(git rev-parse origin/main)" = "$(git rev-parse main)" ]
echo 200
