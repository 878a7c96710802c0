"""What people see in the browser: templates, scripts, styles and texts, without a build step."""
