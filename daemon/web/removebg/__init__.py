"""What remove.bg answered, for programs that were made for it: POST /v1.0/removebg, GET /v1.0/account."""
