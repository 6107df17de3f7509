"""What people and programs are told: tables, pictures, JSON documents, files. Nothing here decides anything."""
