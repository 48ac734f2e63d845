"""How a report is laid out: documents, pages, fonts, and what is drawn."""
