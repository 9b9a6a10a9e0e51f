#!/no/such/program
##~~ a - b
