/** What an index outside its tensor most likely comes from, as the end of a sentence: whoever runs a graph ends there. */
export const OUT_OF_BOUNDS_HINT =
  "most likely a label of the data is no class of the model, or a number that is looked up lies past the end of its table";
