"""A variational autoencoder of rows, the family of TVAE."""
