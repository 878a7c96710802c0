"""The questions that Shopify is asked, in GraphQL. Tests hold them against the part of its schema that they use."""

_PICTURE = "id fileStatus fileErrors { code message details } ... on MediaImage { image { url } }"
_FAULTS = "userErrors { field message code }"

VARIANTS_OF_SKU = """query VariantsOfSku($query: String!) {
  productVariants(first: 25, query: $query) { nodes { sku product { id } } }
}"""

PRODUCT_MEDIA = f"""query ProductMedia($id: ID!) {{
  product(id: $id) {{ id media(first: 250) {{ nodes {{ id ... on MediaImage {{ {_PICTURE} }} }} }} }}
}}"""

FILES_NAMED = f"""query FilesNamed($query: String!) {{
  files(first: 25, query: $query) {{ nodes {{ {_PICTURE} }} }}
}}"""

ONE_FILE = f"""query OneFile($id: ID!) {{
  node(id: $id) {{ id ... on MediaImage {{ {_PICTURE} }} }}
}}"""

STAGE = """mutation Stage($input: [StagedUploadInput!]!) {
  stagedUploadsCreate(input: $input) {
    stagedTargets { url resourceUrl parameters { name value } } userErrors { field message }
  }
}"""

CREATE = f"""mutation Create($files: [FileCreateInput!]!) {{
  fileCreate(files: $files) {{ files {{ {_PICTURE} }} {_FAULTS} }}
}}"""

UPDATE = f"""mutation Update($files: [FileUpdateInput!]!) {{
  fileUpdate(files: $files) {{ files {{ {_PICTURE} }} {_FAULTS} }}
}}"""

DELETE = f"""mutation Delete($fileIds: [ID!]!) {{
  fileDelete(fileIds: $fileIds) {{ deletedFileIds {_FAULTS} }}
}}"""

ACKNOWLEDGE = f"""mutation Acknowledge($fileIds: [ID!]!) {{
  fileAcknowledgeUpdateFailed(fileIds: $fileIds) {{ files {{ id }} {_FAULTS} }}
}}"""

REORDER = """mutation Reorder($id: ID!, $moves: [MoveInput!]!) {
  productReorderMedia(id: $id, moves: $moves) { job { id } mediaUserErrors { field message code } }
}"""

READING = (VARIANTS_OF_SKU, PRODUCT_MEDIA, FILES_NAMED, ONE_FILE)
WRITING = (STAGE, CREATE, UPDATE, DELETE, ACKNOWLEDGE, REORDER)
