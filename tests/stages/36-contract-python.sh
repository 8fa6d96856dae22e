# The contract's scenarios, run by the Python package.
. tests/python/install.sh
"$python" -X dev tests/contract/run_contract.py tests/contract/*.json
