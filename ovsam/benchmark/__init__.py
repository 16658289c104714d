"""Records and tables: where a table's number comes from, in five steps.

1. `tools/test.py` measures and writes a `Record` (`records`): metrics with commit, config digest,
   hashes of weights and data, seed, hardware and versions (`provenance`), and a hash of it all
   (`signed`).
2. `tools/make_tables.py --collect` puts records into `configs/<family>/results.json`. It refuses
   those of a dirty tree and those that were edited.
3. `specs` declares every table: its rows (configs), its columns (metrics), the published numbers.
4. `tables` checks that the records fit each other and takes mean and spread over seeds; `rendering`
   makes Markdown, LaTeX, CSV or JSON. A measured and a published number never share a column.
5. `tools/make_tables.py --update` writes the tables between `<!-- table:NAME -->` markers; `--check`
   fails where one differs.

Other measurements (times, memory, numeric errors) are one signed file each, named by a `FileTable`
(`result_files`). `complexity` counts multiply-adds and parameters, `memory` what a computation holds.
"""
