/**
 * Translates a regular expression of Python's `re` to JavaScript. What JavaScript has no word for (verbose mode,
 * atomic groups, possessive quantifiers, comments, conditionals) throws a SyntaxError. `\d`, `\w` and `\s` stay ASCII-minded.
 */
export function pythonRegExp(pattern: string): RegExp {
  // Python takes the flags of the whole expression at its start only.
  const inline = /^\(\?([aiLmsux]+)\)/.exec(pattern);
  const flags = [...(inline?.[1] ?? '')].filter((flag) => flag !== 'u' && flag !== 'a').join('');
  const multiline = flags.includes('m');

  const translated = pattern
    .slice(inline?.[0].length ?? 0)
    .replace(/\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|\(\?P=\w+\)|\(\?P<|\{,\d+\}|\$/g, (token) => {
      if (token === '\\A') return '(?<![\\s\\S])';
      if (token === '\\Z' || token === '\\z') return '(?![\\s\\S])';
      // Python's `$` also stands before a newline at the very end.
      if (token === '$') return multiline ? '$' : '(?=\\n?(?![\\s\\S]))';
      if (token === '(?P<') return '(?<';
      if (token.startsWith('(?P=')) return `\\k<${token.slice(4, -1)}>`;
      if (token.startsWith('{,')) return `{0${token.slice(1)}`;
      // A bracket right after the opening one is literal in Python and ends the class in JavaScript.
      return token.replace(/^\[(\^?)\]/, '[$1\\]');
    });
  return new RegExp(translated, flags);
}
