"""The files that a build can read, and how they change: trees and the history of a repository."""
