import { edits } from './editor.ts';

/** What people change at registered models and their versions. */

const version = (number: number) => `client.get_model_version('edited', '${number}')`;

edits({
  async 'a model is created'({ goto, page, button, dialog, confirm, expect }) {
    await goto('/models');
    await button('Create Model').click();
    await dialog.getByRole('textbox').fill('made-here');
    await confirm('Create');
    await expect("client.get_registered_model('made-here').name", 'made-here');
    await page.getByText('made-here').first().waitFor();
  },
  async 'a model is described'({ goto, page, part, button, expect }) {
    await goto('/models/made-here');
    await part('descriptionEditButton').click();
    await page.locator('textarea:visible').fill('Made **here**');
    await button('Save').click();
    await expect("client.get_registered_model('made-here').description", 'Made **here**');
    await page.getByText('here', { exact: true }).waitFor();
  },
  async 'a model is tagged'({ goto, part, button, page, confirm, expect }) {
    const tags = "client.get_registered_model('made-here').tags";
    await goto('/models/made-here');
    await page.getByText('Tags', { exact: true }).first().click();
    await part('tags-form-input-name').fill('owner');
    await part('tags-form-input-value').fill('ann');
    await part('add-tag-button').click();
    await expect(tags, { owner: 'ann' });
    await part('editable-table-button-edit').click();
    await page.locator('td input:visible').first().fill('ben');
    await button('Save').click();
    await expect(tags, { owner: 'ben' });
    await part('editable-table-button-delete').click();
    await confirm('Confirm');
    await expect(tags, {});
  },
  async 'a model is deleted'({ goto, choose, part, confirm, expect }) {
    await goto('/models/made-here');
    await choose(part('overflow-menu-trigger'), 'Delete');
    await confirm('Delete');
    await expect('[m.name for m in client.search_registered_models("name = \'made-here\'")]', []);
  },
  async 'a version is described'({ goto, part, page, button, expect }) {
    await goto('/models/edited/versions/1');
    await part('descriptionEditButton').click();
    await page.locator('textarea:visible').fill('The first');
    await button('Save').click();
    await expect(`${version(1)}.description`, 'The first');
  },
  async 'a version is tagged'({ goto, part, button, page, confirm, expect }) {
    await goto('/models/edited/versions/1');
    await page.getByText('Tags', { exact: true }).first().click();
    await part('tags-form-input-name').fill('reviewer');
    await part('tags-form-input-value').fill('ann');
    await part('add-tag-button').click();
    await expect(`${version(1)}.tags`, { reviewer: 'ann' });
    await part('editable-table-button-edit').click();
    await page.locator('td input:visible').first().fill('ben');
    await button('Save').click();
    await expect(`${version(1)}.tags`, { reviewer: 'ben' });
    await part('editable-table-button-delete').click();
    await confirm('Confirm');
    await expect(`${version(1)}.tags`, {});
  },
  async 'a version gets an alias, and loses it'({ goto, page, dialog, confirm, expect }) {
    const aliases = "client.get_registered_model('edited').aliases";
    await goto('/models/edited/versions/2');
    await page.getByText('Add', { exact: true }).first().click();
    await dialog.getByRole('combobox').fill('challenger');
    await page.keyboard.press('Enter');
    await confirm('Save aliases');
    await expect(aliases, { challenger: '2' });
    await page.getByTitle('Edit aliases').click();
    await dialog.getByRole('combobox').press('Backspace');
    await confirm('Save aliases');
    await expect(aliases, {});
  },
  async 'a version is tagged in the table of versions'({ goto, row, addTag, expect }) {
    await goto('/models/edited');
    await row('Version 2').getByText('Add', { exact: true }).first().click();
    await addTag('checked', 'yes');
    await expect(`${version(2)}.tags`, { checked: 'yes' });
  },
  async 'a version is promoted to another model'({ goto, page, button, dialog, confirm, expect }) {
    await goto('/models/edited/versions/2');
    await button('Promote model').click();
    await dialog.getByRole('combobox').click();
    await page.getByText('Create New Model').last().click();
    await dialog.getByRole('textbox').last().fill('promoted');
    await confirm('Promote');
    await expect("client.get_model_version('promoted', '1').source", 'models:/edited/2');
  },
  async 'a version goes to another stage'({ goto, page, confirm, dialog, expect, choose }) {
    await goto('/models/edited/versions/1');
    await page.getByRole('switch').click();
    if (await dialog.isVisible()) await confirm('Disable');
    await choose(page.getByText('None', { exact: true }).first(), 'Production');
    await confirm('OK');
    await expect(`${version(1)}.current_stage`, 'Production');
    await goto('/models/edited/versions/2');
    await choose(page.getByText('None', { exact: true }).first(), 'Production');
    await dialog.getByRole('checkbox').check();
    await confirm('OK');
    await expect(`[${version(1)}.current_stage, ${version(2)}.current_stage]`, ['Archived', 'Production']);
    await page.getByRole('switch').click();
  },
  async 'versions are compared'({ goto, page, row, button, look }) {
    await goto('/models/fraud-clf');
    for (const number of [1, 2]) await row(`Version ${number}`).getByRole('checkbox').click();
    await button('Compare').click();
    await page.getByText('Comparing 2 Versions').waitFor();
    await look('compare-versions');
  },
  async 'a version is deleted'({ goto, choose, part, confirm, expect }) {
    await goto('/models/edited/versions/3');
    await choose(part('overflow-menu-trigger'), 'Delete');
    await confirm('Delete');
    await expect('sorted(v.version for v in client.search_model_versions("name = \'edited\'"))', ['1', '2']);
  },
});
