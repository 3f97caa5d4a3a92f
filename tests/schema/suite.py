"""The public JSON-Schema-Test-Suite: every test of the drafts that we have, against lists of those that are known to fail.

    suite.py PROGRAM FOLDER FILE [PART-OF-A-NAME]

PROGRAM is schema-suite, FOLDER holds the suite (tests/, remotes/), FILE is where the schemas that others refer to are put. Each test file is a line `ok NAME` or `not ok NAME`. A test that fails and is not in
unsupported.txt is a failure; so is one that is listed there and passes.
"""
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
DRAFTS = {
    'draft4': 'http://json-schema.org/draft-04/schema#',
    'draft6': 'http://json-schema.org/draft-06/schema#',
    'draft7': 'http://json-schema.org/draft-07/schema#',
    'draft2019-09': 'https://json-schema.org/draft/2019-09/schema',
    'draft2020-12': 'https://json-schema.org/draft/2020-12/schema',
}


def remotes(folder):
    return {'http://localhost:1234/' + str(f.relative_to(folder)): f.read_text() for f in sorted(folder.rglob('*.json'))}


def unsupported():
    """(file, description of the schema, description of the test; * is all of them) -> why."""
    listed = {}
    for number, line in enumerate((HERE / 'unsupported.txt').read_text().splitlines(), 1):
        if line and not line.startswith('#'):
            parts = [p.strip() for p in line.split(' | ')]
            assert len(parts) == 4 and all(parts), f'unsupported.txt:{number}: four parts: file | schema | test | why'
            listed[tuple(parts[:3])] = parts[3]
    return listed


def raw_groups(path):
    """The groups of a test file; numbers stay as they are written."""
    return json.loads(path.read_text(), parse_float=lambda s: {'__raw__': s}, parse_int=lambda s: {'__raw__': s})


def write(value):
    if isinstance(value, dict):
        if set(value) == {'__raw__'}:
            return value['__raw__']
        return '{' + ','.join(json.dumps(k) + ':' + write(v) for k, v in value.items()) + '}'
    if isinstance(value, list):
        return '[' + ','.join(map(write, value)) + ']'
    return json.dumps(value)


def line_of(group, draft):
    schema = group['schema']
    if isinstance(schema, dict) and '$schema' not in schema:
        schema = {'$schema': DRAFTS[draft], **schema}
    return '{"schema":' + write(schema) + ',"documents":' + write([t['data'] for t in group['tests']]) + '}\n'


def run(program, known, formats, lines):
    answer = subprocess.run([program, *(['-f'] if formats else []), known], input=''.join(lines), capture_output=True, text=True)
    if answer.returncode:
        return None, f'exit status {answer.returncode}: {answer.stderr[-2000:]}'
    return answer.stdout.splitlines(), ''


def check_file(program, known, folder, path, listed, used):
    name = str(path.relative_to(folder / 'tests').with_suffix(''))
    draft = name.split('/')[0]
    groups = raw_groups(path)
    answers, problem = run(program, known, '/optional/format/' in name, [line_of(g, draft) for g in groups])
    if answers is None:
        return name, 0, [problem]
    wrong = []
    count = 0
    for group, answer in zip(groups, answers, strict=True):
        for i, test in enumerate(group['tests']):
            count += 1
            said = answer[i:i + 1] if not answer.startswith('error') else answer
            good = said == ('v' if test['valid'] else 'i')
            keys = [k for k in ((name, group['description'], test['description']), (name, group['description'], '*')) if k in listed]
            used.update((k, good) for k in keys)
            if not good and not keys:
                wrong.append(f'{group["description"]}: {test["description"]}: {said}, expected {"v" if test["valid"] else "i"}')
            if good and keys and keys[0][2] != '*':
                wrong.append(f'{group["description"]}: {test["description"]}: passes, but is listed as unsupported')
    return name, count, wrong


def main():
    program, folder, known, part = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), (sys.argv + [''])[4]
    known.write_text('{' + ','.join(json.dumps(k) + ':' + v for k, v in remotes(folder / 'remotes').items()) + '}')
    listed = unsupported()
    used = set()
    for draft in DRAFTS:
        for path in sorted((folder / 'tests' / draft).rglob('*.json')):
            if part and part not in str(path):
                continue
            name, count, wrong = check_file(program, known, folder, path, listed, used)
            print(('not ok ' if wrong else 'ok ') + name)
            for w in wrong:
                print('# ' + w)
    if not part:
        for key in sorted(listed):
            if not any(k == key and not good for k, good in used):
                print('not ok unsupported: ' + ' | '.join(key))
                print('# this is listed, and nothing of it fails')


main()
