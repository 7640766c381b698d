NonPSDError = ValueError
PreprocessorError = ValueError
