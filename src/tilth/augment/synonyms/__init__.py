"""Words that may stand for one another: from WordNet, a thesaurus, vectors of words, the texts themselves, a short list."""
