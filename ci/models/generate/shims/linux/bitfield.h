/* FIELD_GET() and the like: nothing that a description needs. */
