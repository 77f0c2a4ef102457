"""The official archives of COCO, made to a data set: their table, captions, survey, preparation."""
