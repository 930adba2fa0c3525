// The same for a page that loads the plain script.
JSAPI.openCall('alice', 'bob').on('end', (outcome) => console.log(outcome));
const client: InstanceType<typeof JSAPI.Client> = JSAPI.createClient();
void client.connect({ token: 'JWT' });
