import { edits } from './editor.ts';

/** What people change at prompts. */

const prompt = (number: number) => `mlflow.genai.load_prompt('prompts:/written/${number}')`;

edits({
  async 'a prompt is written'({ goto, page, button, dialog, confirm, expect }) {
    await goto('/prompts');
    await button('Create prompt').click();
    await dialog.getByLabel('Name:').fill('written');
    await dialog.locator('[id="mlflow.prompts.create.content"]').fill('Say {{what}}');
    await dialog.locator('[id="mlflow.prompts.create.commit_message"]').fill('First');
    await confirm('Create');
    await expect(`[${prompt(1)}.template, ${prompt(1)}.commit_message]`, ['Say {{what}}', 'First']);
    await page.getByText('Say {{what}}').first().waitFor();
  },
  async 'a second version is written'({ goto, page, button, dialog, confirm, expect }) {
    await goto('/prompts/written');
    await button('Create prompt version').click();
    await dialog.locator('[id="mlflow.prompts.create.content"]').fill('Please say {{what}}');
    await confirm('Create');
    await expect(`${prompt(2)}.template`, 'Please say {{what}}');
    await page.getByText('Version 2').first().waitFor();
  },
  async 'a prompt is tagged'({ goto, control, button, addTag, expect }) {
    await goto('/prompts/written');
    await control('mlflow.prompts.details.tags.edit').or(button('Add tags')).first().click();
    await addTag('lang', 'en');
    await expect("client.get_prompt('written').tags['lang']", 'en');
  },
  async 'a version of a prompt is tagged'({ goto, control, addTag, expect }) {
    await goto('/prompts/written');
    await control('mlflow.prompts.details.version.add_tags').first().click();
    await addTag('tone', 'polite');
    await expect("client.get_prompt_version('written', '2').tags['tone']", 'polite');
  },
  async 'a version of a prompt gets an alias'({ goto, page, button, dialog, confirm, expect }) {
    await goto('/prompts/written');
    await page.getByText('Aliases:').locator('..').getByRole('button').first().click();
    await dialog.getByRole('combobox').fill('live');
    await page.keyboard.press('Enter');
    await confirm('Save aliases');
    await expect("mlflow.genai.load_prompt('prompts:/written@live').version", 2);
    await button('Delete version').waitFor();
  },
  async 'a version of a prompt loses its alias'({ goto, page, button, dialog, confirm, expect }) {
    await goto('/prompts/written');
    await page.getByText('Aliases:').locator('..').getByRole('button').first().click();
    await dialog.getByRole('combobox').press('Backspace');
    await confirm('Save aliases');
    await expect("client.get_prompt_version('written', '2').aliases", []);
    await button('Delete version').waitFor();
  },
  async 'versions of a prompt are compared'({ goto, page, control }) {
    await goto('/prompts/written');
    await control('mlflow.prompts.details.mode').getByText('Compare').click();
    await page.getByText('Comparing version 2 with version 1').waitFor();
  },
  async 'a version of a prompt is deleted'({ goto, page, control, button, confirm, expect }) {
    await goto('/prompts/written');
    await control('mlflow.prompts.details.mode').getByText('Preview').click();
    await page.getByText('Version 1', { exact: true }).click();
    await page.getByText('Viewing version 1').waitFor();
    await button('Delete version').click();
    await confirm('Delete');
    await expect("[v.version for v in client.search_prompt_versions('written')]", [2]);
  },
  async 'a prompt is deleted'({ goto, choose, control, confirm, expect }) {
    await goto('/prompts/written');
    await choose(control('mlflow.prompts.details.actions'), 'Delete');
    await confirm('Delete');
    await expect('[p.name for p in mlflow.genai.search_prompts("name = \'written\'")]', []);
  },
});
