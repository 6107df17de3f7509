"""One engine a file; none imports another. Reached by name through `qeopt_solvers.table`."""
