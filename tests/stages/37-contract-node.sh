# The contract scenarios, by both interfaces of the Node.js package.
sh packaging/node/build.sh && node tests/contract/run_contract.mjs tests/contract/*.json
