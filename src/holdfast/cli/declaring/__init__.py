"""What commands are declared with: sections and examples in the help, options that several have, what is offered behind the cursor."""
