//! One small program per question that an embedder asks; see the files beside this folder.
