# client: AWS: aws, Bedrock
# version: pip awscli
# needs: aws
# http: 1.1
# proxy: https_proxy
# ca: AWS_CA_BUNDLE
# note: the placeholder in `AWS_BEARER_TOKEN_BEDROCK`; signing keys cannot work
export AWS_BEARER_TOKEN_BEDROCK="$2" AWS_DEFAULT_REGION=us-east-1 AWS_MAX_ATTEMPTS=1 AWS_EC2_METADATA_DISABLED=true
aws bedrock-runtime invoke-model --endpoint-url "$1" --model-id claude --body '{}' out >log 2>&1 && echo 200 && exit
cat log >&2
sed -n 's/.*An error occurred (\([0-9]*\)).*/\1/p' log
